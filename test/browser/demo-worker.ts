import { parentPort } from 'node:worker_threads'
import { demoFiles } from '../../scripts/demo/studies.ts'

parentPort?.postMessage(demoFiles().map(({ bytes }) => new Uint8Array(bytes)))
