"""Image processing without a network: decode any image, and normalize a digit or binarize a page."""
