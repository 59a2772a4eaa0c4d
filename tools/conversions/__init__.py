"""The proof of the converter on a folder of real workflows, which are not part of the repository."""
