// The numbers of each environment, with their reasons.

import { Size } from 'types.bicep'

@export()
@description('For trying things out: when idle, only Service Bus, alert rules, reading the change feed and the runs of register-deferred cost anything. The first request after a pause waits for an instance to start.')
var dev Size = {
  realCustomers: false
  // Three instances show what goes wrong with more than one. Each scale group of three costs about fifty cents an hour in
  // an endless loop.
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
  web: {
    instanceMemoryMB: 2048
    maximumInstanceCount: 3
    perInstanceConcurrency: 100
    alwaysReady: []
  }
  // An instance of kakao may take 10 s to start, and then opens its connections: docs/decisions/0019-warm-start.md. The
  // gateway waits 25 s in all.
  kakaoTimeoutSeconds: 15
  // That, and storing the customer (5 s). So whoever overloads dev waits up to 20 s for his turn instead of 2 s, which
  // hurts nobody here: docs/decisions/0024-admission-by-time.md.
  registrationSeconds: 20
  // 128 of the 200 concurrent requests of each customer instance, so that cancelling always finds room.
  registrationsInProgress: 384
  // Serverless bills each poll, also of an idle database: some $3 a month.
  feedPollMilliseconds: 250
  rollingUpdates: false
  backup: 'Continuous7Days'
  zoneRedundant: false
  logRetentionDays: 30
  dailyLogCapGb: 1
  sampledPercentage: 100
  // Availability tests would keep its apps awake.
  attended: false
  locked: false
  audited: false
  // Two fifths more than it costs when idle (docs/operations.md#cost): 80 % are reported.
  monthlyBudget: 65
}

@export()
@description('For real customers.')
var prod Size = {
  realCustomers: true
  customer: {
    instanceMemoryMB: 2048
    // Where a flood stops adding instances, more or less (types.bicep): 20 instances with 2 GB are about $4 an hour per
    // scale group. The database's 200 registrations a second (below) need far fewer: a registration takes 5 ms of CPU
    // in all three apps together.
    maximumInstanceCount: 20
    // 64 registrations run (REGISTRATIONS_AT_ONCE); 136 more requests wait for their turn, cancel or look up. Beyond that
    // the platform adds instances. However many registrations wait, none is there longer than 2 s, and if kakao is so
    // slow that a call takes 0.6 s, no more than 200 are let in at all (64 × 2 s / 0.6 s).
    perInstanceConcurrency: 200
    // Two of each scale group, so that a zone may fail: with zoneRedundant the platform keeps and bills two of each,
    // configured or not. A rolling update needs two as well: it replaces one after the other.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      // One reads the change feed, as long as it has one partition; the other is on standby.
      { name: 'function:event-publisher', instanceCount: 2 }
      // One sweeps at a time, every four minutes; the other is on standby.
      { name: 'function:sweep-outbox', instanceCount: 2 }
      // One tries what was postponed; the other is on standby. They are no instances of `http`: however many registrations
      // wait, trying them takes none from those who register now.
      { name: 'function:register-deferred', instanceCount: 2 }
      // This one and its like in the other apps have a few seconds of work every five minutes. They are listed because the
      // platform keeps and bills two of each anyway.
      { name: 'function:forget-claims', instanceCount: 2 }
    ]
  }
  kakao: {
    instanceMemoryMB: 2048
    // 20 × 100 requests are more than the (20 + 2 always ready) × 64 concurrent calls of all customer instances. So the
    // queue grows in the customer app, which knows until when each waits, and not in front of kakao. Both numbers of
    // instances are soft, which leaves a margin of two fifths.
    maximumInstanceCount: 20
    perInstanceConcurrency: 100
    // As above. Starting an instance takes longer than the 2 s that a registration may take. One that joins is warmed up
    // before its first call (the function warmup); one that restarts is not, and costs some registrations a 503.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      { name: 'function:kakao-alert', instanceCount: 2 }
      { name: 'function:forget-messages', instanceCount: 2 }
    ]
  }
  customerview: {
    instanceMemoryMB: 2048
    // As many as customer: each registration is an event to handle here, and is looked up.
    maximumInstanceCount: 20
    // A look-up is one read of the database: a hundred at once are more than enough for one core, and beyond that
    // another instance helps.
    perInstanceConcurrency: 100
    // As above. Customers look themselves up right after registering: the view should be there.
    alwaysReady: [
      { name: 'http', instanceCount: 2 }
      { name: 'function:view-updater', instanceCount: 2 }
      { name: 'function:forget-views', instanceCount: 2 }
    ]
  }
  web: {
    instanceMemoryMB: 2048
    // As many as customer, which most pages ask.
    maximumInstanceCount: 20
    // A page waits for one or two calls most of the time. The platform adds instances beyond that.
    perInstanceConcurrency: 100
    // Somebody with a telephone would wait some ten seconds for an instance to start. The two cost some $42 a month.
    alwaysReady: [{ name: 'http', instanceCount: 2 }]
  }
  // As in dev: 20 × 128.
  registrationsInProgress: 2560
  // Ten request units a second are within the tenth of the throughput that is billed anyway. The log of data access has a
  // row for each poll, some $60 a month; half of this would cost twice that.
  feedPollMilliseconds: 100
  rollingUpdates: true
  // A registration takes about 20 request units in each of the first three. A number can be changed without deploying
  // anything else.
  throughput: {
    customers: 4000
    kakaos: 4000
    customerViews: 4000
    // One small document for each call of an operator: 1000 is the least that autoscale accepts.
    accessRecords: 1000
    leases: 1000
  }
  backup: 'Continuous30Days'
  zoneRedundant: true
  logRetentionDays: 90
  dailyLogCapGb: 10
  // Traces cost CPU: a registration takes the three apps 4.8 ms without telemetry, 5.3 with this, 8.2 with all traces
  // (decision 13). Metrics and logs are not sampled: they include every call, and a failed call is in the log with its
  // trace id.
  sampledPercentage: 10
  attended: true
  locked: true
  // Who read which customer's data can be answered later.
  audited: true
  // docs/operations.md has the cost when idle, and the number of registrations that this is enough for.
  monthlyBudget: 1500
}
