// The numbers of each environment, and why they are what they are.

import { Size } from 'types.bicep'

@export()
@description('For trying out: nothing costs while nothing happens. The first request after a pause waits for a start.')
var dev Size = {
  customer: {
    instanceMemoryMB: 2048
    maximumInstanceCount: 3
    perInstanceConcurrency: 200
    alwaysReady: []
  }
  kakao: {
    instanceMemoryMB: 2048
    maximumInstanceCount: 3
    perInstanceConcurrency: 100
    alwaysReady: []
  }
  customerview: {
    instanceMemoryMB: 2048
    maximumInstanceCount: 3
    perInstanceConcurrency: 100
    alwaysReady: []
  }
  rollingUpdates: false
  backup: 'Continuous7Days'
  zoneRedundant: false
  logRetentionDays: 30
  dailyLogCapGb: 1
  sampledPercentage: 100
  // Asking would keep its apps awake.
  attended: false
  monthlyBudget: 50
}

@export()
@description('For customers.')
var prod Size = {
  customer: {
    instanceMemoryMB: 2048
    maximumInstanceCount: 20
    // More than the bulkhead lets stand before kakao (64 calling, 64 waiting): while kakao is slow, 72 places are left
    // in each instance for cancelling and looking up.
    perInstanceConcurrency: 200
    alwaysReady: [
      // Two, because a rolling update replaces one after the other, and one alone would blink.
      { name: 'http', instanceCount: 2 }
      // So that an event does not wait until an instance has started. One reads the whole change feed.
      { name: 'function:event-publisher', instanceCount: 1 }
    ]
  }
  kakao: {
    instanceMemoryMB: 2048
    // 20 × 100 places are more than the 20 × 64 calls that all customer instances let out at once: what limits is the
    // caller's bulkhead, which refuses at once, and never a queue in front of kakao.
    maximumInstanceCount: 20
    perInstanceConcurrency: 100
    // A start takes longer than the 2 s that a registration waits for kakao, so http is never without an instance. An
    // alert may wait for one.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
    ]
  }
  customerview: {
    instanceMemoryMB: 2048
    maximumInstanceCount: 20
    perInstanceConcurrency: 100
    // My page is looked at right after registering: the view should be there.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      { name: 'function:view-updater', instanceCount: 1 }
    ]
  }
  rollingUpdates: true
  // A registration writes some 20 request units to each of the first two, and as many to the view. Doubling a number
  // needs no deployment of anything else.
  throughput: {
    customers: 4000
    kakaos: 4000
    customerViews: 4000
    leases: 1000
  }
  backup: 'Continuous30Days'
  zoneRedundant: true
  logRetentionDays: 90
  dailyLogCapGb: 10
  // All of them, up to a million registrations a month. docs/operations.md has what they cost beyond that.
  sampledPercentage: 100
  attended: true
  // docs/operations.md has what it costs by itself, and for how many registrations this would do.
  monthlyBudget: 1500
}
