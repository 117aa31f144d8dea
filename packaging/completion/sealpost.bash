# bash completion for sealpost: made by the program itself, so that it always fits.
command -v sealpost >/dev/null && source <(sealpost completion bash)
