// Runs tiles from the file +tiles=: a line `steps`, a line `weights present first last` for each
// step, then for each column a line `bricks` and a line of activations for each brick (all hex but
// counts). Prints, for each cycle in which something ends, `cycle ended valid sums`; then `tile`.
`timescale 1ns / 1ps
module tb_bit_pragmatic_row;
    parameter COLUMNS = 8;
    parameter LANES = 16;
    parameter MOST = 8192;  // steps of a tile
    reg clk = 0, reset = 1;
    reg [LANES*8-1:0] step_weights[0:MOST-1];
    reg [COLUMNS+1:0] step_flags[0:MOST-1];
    reg [LANES*9-1:0] bricks[0:COLUMNS*MOST-1];
    reg [LANES*9-1:0] brick;
    integer next[0:COLUMNS-1];
    integer file, found, mine, steps, step, count, c, i, cycle, left;
    reg [8*256-1:0] name;
    reg [COLUMNS-1:0] present;
    reg first, last;
    reg [COLUMNS*LANES*9-1:0] activations;
    wire accepted;
    wire [COLUMNS-1:0] take, ended, valid;
    wire [COLUMNS*24-1:0] sums;
    wire offered = step < steps;

    bit_pragmatic_row #(COLUMNS, LANES) dut (
            clk, reset, offered, step_weights[step], step_flags[step][COLUMNS+1:2], step_flags[step][1],
            step_flags[step][0], accepted, activations, take, ended, valid, sums
    );
    always #5 clk = !clk;

    initial begin
        found = $value$plusargs("tiles=%s", name);
        file = $fopen(name, "r");
        steps = 0;
        step = 0;
        repeat (2) @(negedge clk);
        while ($fscanf(file, "%d\n", count) == 1) begin
            for (i = 0; i < count; i = i + 1) begin
                found = $fscanf(file, "%h %b %b %b\n", step_weights[i], present, first, last);
                step_flags[i] = {present, first, last};
            end
            left = 0;
            for (c = 0; c < COLUMNS; c = c + 1) begin
                found = $fscanf(file, "%d\n", mine);
                left = left + mine;
                next[c] = c * MOST;
                for (i = 0; i < mine; i = i + 1) begin
                    found = $fscanf(file, "%h\n", brick);
                    bricks[c*MOST+i] = brick;
                end
                activations[c*LANES*9+:LANES*9] = bricks[c*MOST];
            end
            step = 0;
            steps = count;
            reset = 0;
            cycle = 0;  // the first step is accepted in cycle 0 and begins in cycle 1
            #1;
            while ((left != 0 || valid != 0) && cycle < 16 * steps + 16) begin  // else it is stuck
                if (ended != 0 || valid != 0) $display("%0d %b %b %h", cycle, ended, valid, sums);
                for (c = 0; c < COLUMNS; c = c + 1) if (ended[c]) left = left - 1;
                advance;
            end
            advance;
            if (valid != 0) $display("%0d %b %b %h", cycle, ended, valid, sums);
            $display("tile");
            reset = 1;
            steps = 0;
            @(negedge clk);
        end
        $finish;
    end

    // One cycle: what is taken at the clock's edge is replaced by what comes next.
    task advance;
        reg [COLUMNS-1:0] taken;
        reg stepped;
        begin
            taken = take;
            stepped = accepted;
            @(posedge clk);
            #1;
            if (stepped) step = step + 1;
            for (c = 0; c < COLUMNS; c = c + 1)
                if (taken[c]) begin
                    next[c] = next[c] + 1;
                    activations[c*LANES*9+:LANES*9] = bricks[next[c]];
                end
            cycle = cycle + 1;
            @(negedge clk);
        end
    endtask
endmodule
