import { sqliteBench } from './benches.ts'
import { contract } from './contract.ts'

describe('index in SQLite', () => {
  contract(sqliteBench)
})
