"""What is posted: which alerts are one incident, who is paged when, and what people ordered."""
