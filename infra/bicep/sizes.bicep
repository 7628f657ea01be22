// The numbers of each environment, and why they are what they are.

import { Size } from 'types.bicep'

@export()
@description('For trying out: while nothing happens only Service Bus, alert rules and reading the change feed cost. The first request after a pause waits for a start.')
var dev Size = {
  // Three instances show what goes wrong with more than one, and a loop without end costs no more than some $4 an hour.
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
    // The most that a flood may cost: 20 instances at 2 GB are some $4 an hour for each scale group. The database's 200
    // registrations a second (below) need far fewer: a registration takes 5 ms of CPU in all three apps together.
    maximumInstanceCount: 20
    // More than the bulkhead lets stand before kakao (64 calling, 64 waiting): while kakao is slow, 72 places are left
    // in each instance for cancelling and looking up.
    perInstanceConcurrency: 200
    // Two of each scale group: where zoneRedundant is true the platform keeps and bills two of each, configured or not,
    // so that a zone may fail. A rolling update needs two as well: it replaces one after the other.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      // One reads the change feed, as long as it has one partition; the other stands by.
      { name: 'function:event-publisher', instanceCount: 2 }
    ]
  }
  kakao: {
    instanceMemoryMB: 2048
    // 20 × 100 places are more than the 20 × 64 calls that all customer instances let out at once: what limits is the
    // caller's bulkhead, which refuses at once, and never a queue in front of kakao.
    maximumInstanceCount: 20
    perInstanceConcurrency: 100
    // As above. A start takes longer than the 2 s that a registration waits for kakao.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      { name: 'function:kakao-alert', instanceCount: 2 }
    ]
  }
  customerview: {
    instanceMemoryMB: 2048
    // As many as customer: each registration is an event to work on here, and is looked at.
    maximumInstanceCount: 20
    // A look-up is one read of the database and waits for nothing else: a hundred at once are more than enough for one
    // core, and then another instance helps.
    perInstanceConcurrency: 100
    // As above. My page is looked at right after registering: the view should be there.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      { name: 'function:view-updater', instanceCount: 2 }
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
  // Traces cost CPU: a registration takes the three apps 4.8 ms without telemetry, 5.3 with this, 8.2 with all traces
  // (decision 13). Metrics and logs are not sampled: they count and tell everything, and a call that failed is in the log
  // with the id of its trace.
  sampledPercentage: 10
  attended: true
  // docs/operations.md has what it costs by itself, and for how many registrations this would do.
  monthlyBudget: 1500
}
