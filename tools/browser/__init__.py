"""My page in this machine's Chromium: who visits it, every page there is, and pictures of them."""
