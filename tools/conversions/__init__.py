"""The proof of the converter on a folder of real workflows, which are no part of the repository."""
