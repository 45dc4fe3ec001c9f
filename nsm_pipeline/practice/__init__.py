"""What a product is steered by, beside its ranking: a file for each part of the practice."""
