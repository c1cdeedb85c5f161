"""Who judges: slow, independent readings of the contract, that the product is held against."""
