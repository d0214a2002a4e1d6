export { createDatabase, type Appended, type Database, type DatabaseStats, type SeriesRef, type StoredChunk } from './database.ts'
export { createJournal, replay, snapshot, type Journal } from './journal.ts'
export { joined, readRecords, record } from './records.ts'
