import { readFileSync, writeFileSync } from 'node:fs'

const MIB = 1024 * 1024

/** Memory of another process, from Linux's /proc. */
export interface Memory {
  /** Bytes resident now. */
  now(): number
  /** The most that was resident since the last call, as the kernel has counted it. */
  peak(): number
}

/** Throws where there is no such process, or no Linux. */
export function memoryOf(pid: number): Memory {
  const read = (name: 'VmRSS' | 'VmHWM') => {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    if (line?.[1] === undefined) throw new Error(`/proc/${pid}/status has no ${name}`)
    return Number(line[1]) * 1024
  }
  return {
    now: () => read('VmRSS'),
    peak() {
      const peak = read('VmHWM')
      // proc(5): 5 sets the peak back to what is resident now.
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
      return peak
    },
  }
}

export function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(0)
}
