using System.Text;
using System.Text.RegularExpressions;

namespace Marrow.Language;

/// <summary>A chat template in Jinja, as far as its family shows in it: by the strings that it writes.</summary>
internal sealed class ChatTemplate
{
    private const string Code =
        """(?:\{\{|\{%)(?:'(?:[^'\\]|\\.)*'|["](?:[^"\\]|\\.)*["]|[^'"])*?(?:\}\}|%\})""";

    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.Singleline;

    private static readonly char[] Blanks = [' ', '\t'];
    private static readonly Regex Comment = new(@"\{#.*?#\}", Options);
    private static readonly Regex Literal = new("""'(?:[^'\\]|\\.)*'|["](?:[^"\\]|\\.)*["]""", Options);
    private static readonly Regex Tag = new(Code, Options);
    private static readonly Regex CodeOrComment = new(Code + @"|\{#.*?#\}", Options);

    /// <param name="text">The template.</param>
    /// <param name="begin">What <c>bos_token</c> stands for in it.</param>
    /// <param name="end">What <c>eos_token</c> stands for in it.</param>
    public ChatTemplate(string text, string begin, string end)
    {
        Text = Comment.Replace(text, "");
        Raw = Outside(text);
        Begin = Has("bos_token") ? begin : "";
        End = end;
        Literals = [.. Tag.Matches(Text)
            .SelectMany(tag => Literal.Matches(tag.Value))
            .Select(literal => Unescape(literal.Value[1..^1]))];
    }

    /// <summary>The template without its comments.</summary>
    public string Text { get; }

    /// <summary>What it writes besides its expressions.</summary>
    public string Raw { get; }

    /// <summary>What begins a text; nothing if the template does not write it.</summary>
    public string Begin { get; }

    /// <summary>The token that ends a text.</summary>
    public string End { get; }

    /// <summary>The strings in the template's code.</summary>
    public IReadOnlyList<string> Literals { get; }

    /// <summary>Whether white space around messages goes.</summary>
    public bool Trims => Matches(@"(\|\s*trim\b|\.strip\(\))");

    /// <summary>Whether it refuses conversations that are not in turns.</summary>
    public bool RequiresTurns => Has("must alternate");

    /// <summary>Whether it has a message of its own for the system, in a way that no family here has.</summary>
    public bool HasOwnSystem => Matches(@"['""]role['""]\s*:\s*['""]system|default_system|true == true");

    /// <summary>Whether the assistant's header depends on what is asked for.</summary>
    public bool HasPromptSwitch => Has("add_generation_prompt");

    /// <summary>Whether the template holds this text.</summary>
    public bool Has(string text) => Text.Contains(text, StringComparison.Ordinal);

    /// <summary>Whether the template's code is like this pattern.</summary>
    public bool Matches(string pattern) => Regex.IsMatch(Text, pattern, Options);

    /// <summary>The first string of the template's code that is like this pattern: its first group.</summary>
    public string? Find(string pattern)
    {
        var regex = new Regex(pattern, Options);
        return Literals.Select(literal => regex.Match(literal))
            .FirstOrDefault(match => match.Success)?.Groups[1].Value;
    }

    /// <summary>Takes away the white space that Python's <c>strip</c> does.</summary>
    public static string Trim(string text)
    {
        static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f';
        var (start, end) = (0, text.Length);
        while (start < end && IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }

    /// <summary>
    /// The text outside of the code, less the white space that Jinja drops as transformers sets it up (trim_blocks,
    /// lstrip_blocks): at a minus all, behind a statement one newline, before one what stands before it in its line.
    /// </summary>
    private static string Outside(string text)
    {
        var (written, start, last) = (new StringBuilder(), 0, "");
        foreach (Match code in CodeOrComment.Matches(text))
        {
            Write(text[start..code.Index], code.Value);
            (start, last) = (code.Index + code.Length, code.Value);
        }

        Write(text.EndsWith('\n') ? text[start..Math.Max(start, text.Length - 1)] : text[start..], next: "");
        return written.ToString();

        void Write(string between, string next)
        {
            var drops = last.Length > 0 && last[^2] != '}' && between.StartsWith('\n');
            between = last.Length > 0 && last[^3] == '-' ? between.TrimStart() : between[(drops ? 1 : 0)..];
            var line = between[(between.LastIndexOf('\n') + 1)..];
            var strips = next.Length > 0 && next[1] != '{' && line.Trim(Blanks).Length == 0;
            written.Append(next.Length > 0 && next[2] == '-' ? between.TrimEnd()
                : strips ? between.TrimEnd(Blanks)
                : between);
        }
    }

    private static string Unescape(string literal)
    {
        var text = new StringBuilder();
        for (var i = 0; i < literal.Length; i++)
        {
            text.Append(literal[i] != '\\' || i + 1 == literal.Length ? literal[i] : literal[++i] switch
            {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                var other => other,
            });
        }

        return text.ToString();
    }
}
