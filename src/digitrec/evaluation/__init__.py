"""How well a recognizer reads labelled pictures: the sets, the answers, the figures, and the report of them."""
