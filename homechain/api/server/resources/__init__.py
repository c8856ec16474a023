"""One module a resource: its handlers, and its routes as the OpenAPI document shows them."""
