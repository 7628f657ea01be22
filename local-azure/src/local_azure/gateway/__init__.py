"""A reverse proxy: several function apps behind one address, as behind API Management on Azure."""
