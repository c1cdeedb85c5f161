CREATE INDEX alerts_fired ON alerts (fired)
CREATE INDEX alerts_history ON alerts (rule, series, fired)
CREATE INDEX alerts_incident ON alerts (incident) WHERE incident IS NOT NULL
CREATE INDEX alerts_untold ON alerts (id) WHERE incident IS NULL AND phase = 'firing'
CREATE INDEX changes_at ON changes (at)
CREATE INDEX incidents_closed ON incidents (closed)
CREATE INDEX incidents_open ON incidents (id) WHERE closed IS NULL
CREATE INDEX outbox_subject ON outbox (subject, number)
CREATE INDEX outbox_twin ON outbox (twin) WHERE twin IS NOT NULL
CREATE INDEX outbox_waiting ON outbox (state, number) WHERE state IN ('queued', 'sending', 'unknown', 'parked')
CREATE INDEX requests_waiting ON requests (id) WHERE done IS NULL
CREATE INDEX silences_ends ON silences (ends)
CREATE TABLE "_sqlite_migrations" ( "id" INTEGER PRIMARY KEY, "migration_set" TEXT, "name" TEXT, "applied_at" TEXT )
CREATE TABLE alerts ( id INTEGER PRIMARY KEY, rule TEXT NOT NULL, series TEXT NOT NULL, phase TEXT NOT NULL CHECK (phase IN ('pending', 'firing', 'resolved')), severity TEXT NOT NULL, direction TEXT NOT NULL, since INTEGER NOT NULL, slot INTEGER NOT NULL, fired INTEGER, resolved INTEGER, reason TEXT, value REAL NOT NULL, reference REAL, worst REAL NOT NULL, "window" TEXT NOT NULL, clear_run INTEGER NOT NULL, bars INTEGER NOT NULL, incident INTEGER REFERENCES incidents (id) , noted INTEGER NOT NULL DEFAULT 0, outlook TEXT, kind TEXT, fired_on REAL, levels TEXT, accepted INTEGER, restored INTEGER, by_usual INTEGER NOT NULL DEFAULT 0, usual REAL, acknowledged INTEGER NOT NULL DEFAULT 0) STRICT 
CREATE TABLE changes ( id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, who TEXT NOT NULL, who_id TEXT, place TEXT NOT NULL, kind TEXT NOT NULL, words TEXT NOT NULL, "before" TEXT, "after" TEXT ) STRICT 
CREATE TABLE charts (subject TEXT PRIMARY KEY, tried REAL NOT NULL) STRICT
CREATE TABLE flapping ( rule TEXT NOT NULL, series TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (rule, series) ) STRICT 
CREATE TABLE incidents ( id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, channel TEXT NOT NULL, since INTEGER NOT NULL, opened REAL NOT NULL, closed REAL, facts TEXT NOT NULL DEFAULT '{}' , standing TEXT NOT NULL DEFAULT '{}', parts_asked REAL) STRICT 
CREATE TABLE lateness ( series TEXT NOT NULL, slot INTEGER NOT NULL, seconds REAL NOT NULL, less REAL NOT NULL DEFAULT 0, PRIMARY KEY (series, slot) ) STRICT 
CREATE TABLE learned_silences ( series TEXT PRIMARY KEY, announced INTEGER, seen INTEGER, kept_by TEXT, kept_at REAL ) STRICT 
CREATE TABLE live (one INTEGER PRIMARY KEY CHECK (one = 1), written REAL NOT NULL, facts TEXT NOT NULL) STRICT
CREATE TABLE outbox ( number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, action TEXT NOT NULL CHECK (action IN ('post', 'update', 'reply')), channel TEXT NOT NULL, body TEXT NOT NULL, broadcast INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'sent', 'unknown', 'parked', 'dropped')), plain INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, attempted REAL, sent REAL, error TEXT, channel_id TEXT, ts TEXT, twin INTEGER REFERENCES outbox (number) ) STRICT 
CREATE TABLE publications (slot INTEGER PRIMARY KEY, shown REAL NOT NULL) STRICT
CREATE TABLE refused_parts (parameter TEXT PRIMARY KEY, cause TEXT NOT NULL) STRICT
CREATE TABLE relayed ( labels TEXT PRIMARY KEY, annotations TEXT NOT NULL, link TEXT, starts REAL NOT NULL, ends REAL, rule TEXT, series TEXT, incident INTEGER ) STRICT 
CREATE TABLE requests ( id INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT NOT NULL, words TEXT NOT NULL, created REAL NOT NULL, done REAL, refused INTEGER, answer TEXT ) STRICT 
CREATE TABLE rules (name TEXT PRIMARY KEY, begun INTEGER NOT NULL, meant_since INTEGER) STRICT
CREATE TABLE samples ( day INTEGER NOT NULL, series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE, slots BLOB NOT NULL CHECK (length(slots) = 2304), UNIQUE (day, series) ) STRICT 
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor INTEGER, begun INTEGER) STRICT
CREATE TABLE silences ( id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, pairs TEXT, begins REAL NOT NULL, ends REAL NOT NULL, author_id TEXT, author TEXT NOT NULL, reason TEXT NOT NULL, channel TEXT NOT NULL, created REAL NOT NULL, cancelled REAL, cancelled_by TEXT, reminded INTEGER NOT NULL DEFAULT 0 ) STRICT 
CREATE TABLE votes ( incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE, voter TEXT NOT NULL, name TEXT NOT NULL, useful INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (incident, voter) ) STRICT 
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name" ON "_sqlite_migrations" ("migration_set", "name")
CREATE UNIQUE INDEX alerts_open ON alerts (rule, series) WHERE phase <> 'resolved'
