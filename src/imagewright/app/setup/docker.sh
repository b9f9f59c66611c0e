docker run --detach --name imagewright --restart unless-stopped --stop-timeout 150 \
  --publish 127.0.0.1:$port:$port \
  --volume $directory \
  $key--volume imagewright-state:/var/lib/imagewright \
  --env IMAGEWRIGHT_SERVER__HOST=0.0.0.0 \
  --env IMAGEWRIGHT_STATE=/var/lib/imagewright \
  --tmpfs /tmp:mode=1777,size=64m --read-only --cap-drop ALL \
  --security-opt no-new-privileges:true --pids-limit 256 --memory 3g \
  imagewright serve
