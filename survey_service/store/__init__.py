"""MongoDB: the only package that knows the driver, one module a collection."""
