// The workbook in the portal that answers an operator's first questions: ../workbook.json

param location string
param tags { *: string }

@description('The ids of the resources that workbook.json names as {componentId}, {cosmosDbId} and {serviceBusId}.')
param ids {
  componentId: string
  cosmosDbId: string
  serviceBusId: string
}

var content = reduce(
  items(ids),
  loadTextContent('../workbook.json'),
  (text, id) => replace(text, '{${id.key}}', id.value)
)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // The service requires a GUID.
  name: guid(resourceGroup().id, 'ssak8-operations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'ssak8: operations'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: ids.componentId
    serializedData: content
  }
}

output id string = workbook.id
