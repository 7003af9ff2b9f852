"""Paper forms: templates, registration of scans and photos, reading of the fields, and rules between them."""
