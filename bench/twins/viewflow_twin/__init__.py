"""The same request, gate and two approvals in django-viewflow, on SQLite with our durability.

What Django does for such a call and the product does not is left out: no templates, no session;
who asks is looked up once a request, as the product looks up its token.
"""
