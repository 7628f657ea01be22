"""Which adapter serves which port. Each is built once in a process, on the running event loop.

`customer_app`, `kakao_app` and `customer_view_app` have what only that app has, and know nothing of each other. What
several apps have is in `access`, `forgetting`, `interface` and `stores`. `opening` is what happens at the start.

Import a module and call its parts as `stores.database()`: a test can put another in their place.
"""
