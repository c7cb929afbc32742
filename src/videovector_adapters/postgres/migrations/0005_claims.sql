-- A claim must walk work_queued however stale the planner's statistics are, so no other index may begin with the kind.
ALTER TABLE work DROP CONSTRAINT work_pkey;
ALTER TABLE work ADD PRIMARY KEY (key, kind);
