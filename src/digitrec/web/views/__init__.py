"""Views: the JSON API, the Open Inference Protocol, health probes, pages and the OpenAPI document."""
