// A bit-serial multiply-accumulate unit (paper V-B): one non-zero radix-4 Booth digit of the
// activation per cycle.
//
// The activation stands still while its digits are worked off, lowest first; `done` marks those that
// have been. `last` tells that at most one digit is left, so a unit whose activation is 0 says it at
// once. `next` ends the step in all units of a line together, for they share the weight.
module booth_mac #(
    parameter WEIGHT = 17,  // bits of a weight, signed
    parameter SUM = 40      // bits of the partial sum, signed
) (
    input  wire                     clk,
    input  wire                     enable,  // a job is under way
    input  wire                     first,   // the first step of a tile: the sum starts from 0
    input  wire                     next,    // the step ends with this cycle
    input  wire signed [8:0]        activation,  // int8 or uint8
    input  wire signed [WEIGHT-1:0] weight,
    output wire                     last,
    output reg  signed [SUM-1:0]    sum
);
    // Booth recoding: digit i is b[2i-1] + b[2i] - 2 b[2i+1], b[-1] = 0, in -2 .. 2.
    wire [10:0] bits = {activation[8], activation, 1'b0};
    reg  [4:0]  done;
    wire [4:0]  nonzero;
    genvar i;
    generate
        for (i = 0; i < 5; i = i + 1) begin : digit
            assign nonzero[i] = (bits[2*i +: 3] != 3'b000) && (bits[2*i +: 3] != 3'b111);
        end
    endgenerate
    wire [4:0] left = nonzero & ~done;
    wire [4:0] chosen = left & (~left + 5'd1);  // the lowest bit that is set
    assign last = (left & (left - 5'd1)) == 5'd0;

    // The chosen digit, and its place.
    reg [2:0] code;
    reg [3:0] place;
    always @* begin
        code = 3'b000;
        place = 4'd0;
        case (1'b1)
            chosen[0]: begin code = bits[2:0];  place = 4'd0; end
            chosen[1]: begin code = bits[4:2];  place = 4'd2; end
            chosen[2]: begin code = bits[6:4];  place = 4'd4; end
            chosen[3]: begin code = bits[8:6];  place = 4'd6; end
            chosen[4]: begin code = bits[10:8]; place = 4'd8; end
            default: ;
        endcase
    end

    wire negative = code[2];
    wire twice = (code == 3'b011) || (code == 3'b100);
    wire signed [WEIGHT:0] multiple = (left == 5'd0) ? {(WEIGHT + 1){1'b0}}
        : twice ? {weight, 1'b0} : {weight[WEIGHT-1], weight};
    wire signed [WEIGHT+8:0] wide = {{8{multiple[WEIGHT]}}, multiple};
    wire signed [WEIGHT+8:0] shifted = wide <<< place;
    wire signed [SUM-1:0] addend = {{(SUM - WEIGHT - 9){shifted[WEIGHT+8]}}, shifted};
    wire signed [SUM-1:0] before = first ? {SUM{1'b0}} : sum;

    always @(posedge clk) begin
        if (enable) begin
            sum <= negative ? before - addend : before + addend;
            done <= next ? 5'd0 : done | chosen;
        end else begin
            if (first) sum <= {SUM{1'b0}};
            done <= 5'd0;
        end
    end
endmodule
