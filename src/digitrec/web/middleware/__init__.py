"""What stands before every view: whom the server believes, who may ask, how often, and what browsers may do."""
