// HL7's own validator, over resources that tests have kept:
//
//   KEEP_R5=FILE npm test && node test/servers/hapi-validate.mjs FILE
//
// FILE has lines `RELEASE JSON`, `R4` or `R5` and a resource. Prints each fault and a count. Exit status: 0 nothing is wrong,
// 1 something is, or there was nothing to look at, 2 it could not be run. Needs what hapi.mjs needs.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { classpath, end, reason } from './hapi-build.mjs'

const MOST_SHOWN = 50
const MOST_OF_RESOURCE = 1000

async function validate(path) {
  const lines = [...new Set(readFileSync(path, 'utf8').split('\n'))].filter((line) => line !== '')
  const java = spawn('java', [
    '-Xmx1g',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    await classpath(),
    'HapiValidator',
  ])
  const ended = end(java)
  let text = ''
  java.stdout.on('data', (chunk) => (text += chunk))
  java.stdin.end(`${lines.join('\n')}\n`)
  const { code, errors } = await ended
  const faults = [...text.matchAll(/^FAULT (\d+) (.*)$/gmu)]
  if (code !== 0 || !/^DONE \d+$/mu.test(text))
    throw new Error(`the validator did not come to its end: ${reason(errors)}`)
  // The same fault is told once, with the first resource that has it.
  const firsts = new Map(faults.map(([, line, what]) => [what.replace(/\[\d+\]/gu, ''), line]).reverse())
  for (const [what, line] of [...firsts].slice(0, MOST_SHOWN))
    console.log(`${what}\n    first in ${lines[line - 1].slice(0, MOST_OF_RESOURCE)}`)
  console.log(`${lines.length} resources that differ, ${faults.length} faults`)
  return lines.length > 0 && faults.length === 0
}

try {
  process.exitCode = (await validate(process.argv[2])) ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 2
}
