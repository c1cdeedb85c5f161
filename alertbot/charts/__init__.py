"""Pictures of bandwidth: what a chart shows, and the worker process that draws it."""
