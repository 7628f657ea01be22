// User-assigned identities: who an app is to every other resource. They exist before the apps do, so that roles can too.

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
