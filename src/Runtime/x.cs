namespace Marrow.Runtime; internal class XRuntime;
