"""My page: what customers and operators see in a browser. It has no database; it asks the other apps over HTTP."""
