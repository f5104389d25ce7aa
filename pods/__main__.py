"""What `python3 pods.pyz` runs."""

import fetch

fetch.main()
