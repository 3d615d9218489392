// The guard: every npm script and the image enter here. Plain JavaScript that the oldest Node reads; it says in one
// line what is missing and exits with 78 (EX_CONFIG), so that nobody meets a stack trace, or the crash of a native
// module, because of a missing installation. A program that breaks (it cannot be loaded, or throws what nobody handles)
// ends with 70 (EX_SOFTWARE) and its stack trace, so that it is never taken for one that says 1: "there are findings".
//   node scripts/run.cjs PROGRAM [ARGUMENT …]
'use strict'

var fs = require('fs')
var os = require('os')
var path = require('path')
var url = require('url')

var root = path.join(__dirname, '..')

function stop(line) {
  process.stderr.write('concord: ' + line + '\n')
  process.exit(78)
}

function broken(error) {
  process.stderr.write((error && error.stack ? error.stack : String(error)) + '\n')
  process.exit(70)
}

function atLeast(major, minor) {
  var v = process.versions.node.split('.').map(Number)
  return v[0] > major || (v[0] === major && v[1] >= minor)
}

function isInstalled(name) {
  return fs.existsSync(path.join(root, 'node_modules', name, 'package.json'))
}

if (!isInstalled('express')) stop('the packages are not installed here. Run "npm ci" in ' + root + ' first.')
if (!atLeast(22, 18)) {
  stop(
    'this is Node ' +
      process.versions.node +
      ', and Concord needs 22.18 or newer. "npm ci" brings Node 24 along for ' +
      'Linux (glibc) on x64 and arm64 unless optional packages are left out; start with "npm run …" so that it is found. ' +
      'Elsewhere install Node 24 yourself.',
  )
}
var program = process.argv[2]
if (!program) stop('no program named: node scripts/run.cjs PROGRAM [ARGUMENT …]')
program = path.resolve(root, program)
if (!fs.existsSync(program)) {
  stop(
    /node_modules/.test(program)
      ? 'the development packages are not installed here. Run "npm ci" without --omit=dev.'
      : 'there is no ' + program + '.',
  )
}
process.argv.splice(1, 2, program)
// Durable writes wait for the disk in Node's thread pool, and its four threads are few for that.
process.env.UV_THREADPOOL_SIZE = process.env.UV_THREADPOOL_SIZE || '8'
// What Node makes of the TypeScript is kept for the next start, in the folder for temporary files; by the variable also
// for threads and processes started from here, for what is enabled here holds for this thread alone.
process.env.NODE_COMPILE_CACHE =
  process.env.NODE_COMPILE_CACHE || path.join(os.tmpdir(), 'node-compile-cache')
require('module').enableCompileCache()
process.on('uncaughtException', function (error) {
  // A program that has a handler of its own decides itself.
  if (process.listenerCount('uncaughtException') === 1) broken(error)
})
import(url.pathToFileURL(program).href).catch(function (error) {
  if (error && error.code === 'ERR_MODULE_NOT_FOUND') stop(error.message.split('\n')[0] + '. Run "npm ci".')
  broken(error)
})
