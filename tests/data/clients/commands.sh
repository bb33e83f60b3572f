curl -fsS -m 5 -o /dev/null http://127.0.0.1:8080/healthcheck
wget -q --spider -t 2 -T 5 http://127.0.0.1:8080/healthcheck
