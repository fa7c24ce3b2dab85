"""JSON for systems: one module a resource, strict shapes, problems, pages."""
