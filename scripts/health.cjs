// The image's health check: exits 0 when the service in this container says that it lives.
'use strict'

const http = require('http')

const request = http.get(
  { host: '127.0.0.1', port: Number(process.env.PORT || 8080), path: '/health/live', timeout: 4000 },
  (answer) => process.exit(answer.statusCode === 200 ? 0 : 1),
)
request.on('error', () => process.exit(1))
request.on('timeout', () => process.exit(1))
