# Answers at ends, each named as PROTOCOL/ADDRESS/PORT, where nobody does yet: takes tcp connections, and sends a udp datagram back for
# each that comes. Prints the number of its process, which goes on in the background until it is ended, or a quarter of an hour.
use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;

my $sockets = IO::Select->new;
for my $end (@ARGV) {
    my ($protocol, $address, $port) = split m{/}, $end;
    my @listen = $protocol eq "tcp" ? (Listen => 64, ReuseAddr => 1) : ();
    my $socket = IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Proto => $protocol, @listen);
    next if !$socket && $!{EADDRINUSE};
    die "serve $end: $@\n" unless $socket;
    $sockets->add($socket);
}

defined(my $process = fork) or die "fork: $!\n";
if ($process) {
    print "$process\n";
    exit;
}
# Whoever started this waits until its outputs are closed.
open $_, "+<", "/dev/null" or die "/dev/null: $!\n" for *STDIN, *STDOUT, *STDERR;
alarm 900;
while (my @ready = $sockets->can_read) {
    for my $socket (@ready) {
        if ($socket->socktype == Socket::SOCK_STREAM) {
            my $connection = $socket->accept;
            close $connection if $connection;
        } elsif (defined $socket->recv(my $question, 512)) {
            $socket->send("here\n");
        }
    }
}
