"""alertbot: tells the operators of CDN-served domains, in Slack, when bandwidth falls, spikes or crosses a limit."""
