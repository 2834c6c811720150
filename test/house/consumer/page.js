// The script of the page.
import { build } from './sample.js'

build().then(
  result => {
    document.body.textContent = JSON.stringify(result)
  },
  error => {
    document.body.textContent = String(error)
  },
)
