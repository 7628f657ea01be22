// User-assigned identities of the apps and the gateway. They exist before the apps, so that roles can too.

param names string[]
param location string
param tags { *: string }

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for name in names: {
    name: name
    location: location
    tags: tags
  }
]
