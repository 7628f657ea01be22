// Nobody can delete the resource group or anything in it until the lock is taken off. It protects no documents, blobs or
// messages: those belong to the services.

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'do-not-delete'
  properties: {
    level: 'CanNotDelete'
    notes: 'This environment has real customers. docs/operations.md#locks says when to take the lock off.'
  }
}
