"""The gateway: several function apps under one address, as API Management gives them on Azure."""
