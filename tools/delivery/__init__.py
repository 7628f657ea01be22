"""From this checkout to Azure: the deployment package, the deployment, the rollback and the smoke test."""
