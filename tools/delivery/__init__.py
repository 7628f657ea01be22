"""From this checkout to Azure: the deployment package, the deployment, and the smoke test of what was deployed."""
