"""HTTP as the SDKs speak it: requests are read, handed to the store and the query engine, and answered."""
