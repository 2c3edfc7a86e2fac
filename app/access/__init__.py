"""Access: users, departments, roles granted, sessions, API tokens, and what an actor may do.

Every function takes the tenant's database: there is no way to ask about "all users" of all tenants.
"""
