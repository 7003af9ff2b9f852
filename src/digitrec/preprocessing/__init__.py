"""Pixels, no network: any picture of a digit becomes 28 x 28 ink."""
