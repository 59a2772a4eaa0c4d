"""The miniature: a tiny image model that ships with its motion models, so that everything runs with no download."""
