"""In which words: incidents, threads and answers as text and as Block Kit, whose limits hold by construction."""
