// Prints the README's table of settings from their schema; with --check, says whether the README still has it.
import { readFileSync } from 'node:fs'
import { type Mark, SETTINGS } from '../src/config-settings.ts'

const BEGIN = '<!-- settings -->'
const END = '<!-- /settings -->'

/** One row a setting, in the order of the schema. */
function table(): string {
  const rows = Object.entries(SETTINGS.shape).map(([name, schema]) => {
    const { description = '', shown = '', secret } = schema.meta() as Mark & { readonly description?: string }
    const meaning = secret ? `${description} (or \`${name}_FILE\`, a file that has it)` : description
    return `| \`${name}\` | ${shown} | ${meaning.replaceAll('|', '\\|')} |`
  })
  return ['| variable | default | |', '|---|---|---|', ...rows].join('\n')
}

if (process.argv.includes('--check')) {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  const written = begin < 0 || end < 0 ? '' : readme.slice(begin + BEGIN.length, end).trim()
  // Whoever formats the README may pad the columns.
  const plain = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---')
  if (plain(written) !== plain(table())) {
    console.error(
      `README.md: what stands between ${BEGIN} and ${END} is not what scripts/settings-table.ts prints.`,
    )
    process.exitCode = 1
  }
} else {
  console.log(table())
}
